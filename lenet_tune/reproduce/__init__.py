"""`lenet-tune reproduce`: every table, figure and claim of the report, run where it is missing, and judged.

`plan` says what is missing, `files` keeps the results as JSON in a folder under reports/, `sitting` trains
and writes the page, `words` is what the terminal and the README show.
"""
