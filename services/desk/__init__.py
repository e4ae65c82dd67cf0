"""The use cases as one viewer may use them: what pages and commands call.

Every method goes through the gate, and what comes back has nothing of tenants out of scope.
"""
