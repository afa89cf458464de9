"""``fastbench cpjump fetch``: the published profiles from the Cell Painting Gallery.

============  ==========================================================================================
`fetch`       `FetchOptions`, `survey` (what is published, what is here) and `fetch` (the rest, recorded)
`download`    one file: resumed over several attempts, checked, and only then given its name
`gallery`     the bucket, by way of obstore; what the data are and whom to cite (`ABOUT`)
============  ==========================================================================================

Called from outside: `fetch.FetchOptions`, `fetch.survey`, `fetch.fetch`, `gallery.ABOUT`.
"""
