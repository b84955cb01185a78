"""`holdfast drift`: the worker's answer as a table, a page or a picture.

`subject` reads what is compared, `checks` asks the worker, `features` and `histograms` make of its
answers what is told, and `table`, `page` and `picture` show it. `words` holds what they all say.
"""
