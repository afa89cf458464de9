"""``fastbench cpjump fetch``: the published profiles from the Cell Painting Gallery.

============  ==========================================================================================
`options`     what a user can ask (`FetchOptions`)
`fetch`       `survey` (what is published, what is here) and `fetch` (the rest, recorded)
`download`    one file: resumed over several attempts, checked, and only then given its name
`gallery`     the bucket, by way of obstore; what the data are and whom to cite (`ABOUT`)
============  ==========================================================================================

Called from outside: `options.FetchOptions`, `fetch.survey`, `fetch.fetch`, `gallery.ABOUT`.
"""
