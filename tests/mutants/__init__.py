"""Random mutants of pure modules, and which of them no unit test notices: how good the tests are.

`python -m tests.mutants` draws 200 of all small changes to the modules of tenancy, purge, access
and usage that call themselves pure, and to the gate. For each it runs the files of tests/unit
that reach the changed function, and prints those on which no test fails. A draw depends on the
seed and on the changed code alone: where other code changes, the same are drawn again.
"""
