"""Which commands does the stack add to manage.py?"""
