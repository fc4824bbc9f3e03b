"""Measures Punnet beside a floor: the same answers by hand-written SQL, asyncpg, orjson, aiohttp.

`make bench`, or `python -m bench --help`. Nothing here is part of the product.
"""
