"""Carrying out many small tasks: here, in worker processes, or on a cluster, behind one interface.

``with open_execution(workers, cluster, json_log) as execution`` gives an :class:`Execution`; its ``run`` yields the
result of every task whatever happens to the workers, and shows how far it is. To add a place to work, write another
class with the ``carry_out`` of :class:`age_audit.execution.processes.InProcess`.
"""

from age_audit.execution.base import Execution, Executor, available_cores, open_execution

__all__ = ["Execution", "Executor", "available_cores", "open_execution"]
