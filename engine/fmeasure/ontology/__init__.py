"""Ontologies of cells and other things: the resource of cellarium-cas, OBO and OBO-graph JSON; fetched, read, shown.

    ontology    terms, graph, and ancestor sets as rows of bits
    read        any of the three formats becomes an `Ontology`, and an `Ontology` a resource
    obo         the part of OBO and OBO-graph JSON that a hierarchy of terms is made of
    ids         the ways to write an id
    write       the ontology of an annotate directory, and the scores of all terms above a call
    kept        ontologies by name: the packaged one, and those that were fetched
    known       where releases are published
    fetch       a release downloaded, checked, and kept
    document    all that a file says: its release, definitions and synonyms too
    describe    the account of an ontology, and the list of those that are here
    terms       the account of a term
    options     of ``fastbench ontology fetch``, ``info`` and ``show``

May be called from outside: `read.read_ontology` (public in ``fastbench``), `ontology.Ontology`, `kept.find_ontology`,
`ids.find_id`, what `write` lists in ``__all__``, and what the command line calls: `fetch.fetch`, `describe`, `terms`.
"""
