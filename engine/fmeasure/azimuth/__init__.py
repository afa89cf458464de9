"""``fastbench fmeasure azimuth``: calls of Azimuth and a crosswalk become an annotate directory."""
