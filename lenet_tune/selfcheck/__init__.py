"""`lenet-tune selfcheck`: does each oracle keep its promises, and does the Bayesian search earn its name?

The way through: `plan` lists the runs, `pool` spreads them over processes, `play` lets one oracle search one
of the `surfaces` (or the table of real results, `realtable` and `forest`), `properties` checks what must
never fail, `figures` turns the runs into curves and tests, and `results` is all of that as plain values.
"""
