"""Which servers does the product bring along, and how does each start, stop and come back?"""
