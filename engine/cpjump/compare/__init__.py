"""``fastbench cpjump compare``: several results side by side, with differences, intervals and a verdict."""
