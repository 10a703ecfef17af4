"""What turns results into something to read and to cite.

``saving`` writes figures and tables; ``claims`` and ``sentences`` tie what is said to numbers; ``latex`` lays the long
tables out; ``notebooks`` executes notebooks, and is what ``make paper`` runs.
"""
