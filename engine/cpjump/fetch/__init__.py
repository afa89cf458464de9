"""``fastbench cpjump fetch``: the published profiles from the Cell Painting Gallery.

============  ==========================================================================================
`options`     what a user can ask (`FetchOptions`)
`fetch`       `survey` (what is published, what is here) and `fetch` (the rest, recorded)
`gallery`     the bucket, by way of obstore; what the data are and whom to cite (`ABOUT`)
============  ==========================================================================================

How a file is downloaded: `engine.downloads`.

Called from outside: `options.FetchOptions`, `fetch.survey`, `fetch.fetch`, `gallery.ABOUT`.
"""
