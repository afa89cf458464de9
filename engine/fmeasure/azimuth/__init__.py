"""``fastbench fmeasure azimuth``: calls of Azimuth and a crosswalk become an annotate directory.

    options      which files are converted, and how
    crosswalk    Azimuth labels and the terms that they stand for
    mapping      labels of a level become terms, by distinct labels
    calls        the calls of all levels, in the order of the cells
    convert      the files of the annotate directory; the functions of cellarium-cas, under their names
    result       what was made, and the command that scores it
    command      the declaration of the command

May be called from outside: `command.AZIMUTH`, `options.AzimuthOptions`, and what `convert` lists in ``__all__``.
"""
