"""How is the search used from a terminal?"""
