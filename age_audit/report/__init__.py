"""What turns results into something to read and to cite.

``sources`` finds metadatasets by estimator and preset; ``files`` saves figures and tables; ``notebooks`` executes
notebooks, and is what ``make paper`` runs. The analyses themselves are elsewhere: tables in ``statistics/`` and the
appendices, figures in ``plotting/``.
"""
