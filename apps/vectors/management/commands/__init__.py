"""Which commands do the vectors add to manage.py?"""
