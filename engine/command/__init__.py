"""What every command shares, so that a new one writes only what is new in it.

A command is a dataclass of options, a plan, a function that returns a result, and how results are compared::

    options  --plan-->  what would be done, and its cost          (--dry-run)
    options  --run-->   tables, figures, account  --write-->  result folder

Called from outside
-------------------
`command.Command`    declares a command
`command.Report`    what a command returns: tables with declared columns, figures, account
`job.Job`    what a running command is given: stages that are shown, steps that are kept, times that are taken
`execute.execute`    runs a command into a result folder
`registry.find_command`    a command by its name
`rerun.rerun`    runs a result again from its manifest and says what differs
"""
