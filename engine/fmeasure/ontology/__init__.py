"""Cell ontologies: the resource of cellarium-cas, OBO and OBO-graph JSON; read, asked, written.

    ontology    terms, graph, and ancestor sets as rows of bits
    read        any of the three formats becomes an `Ontology`, and an `Ontology` a resource
    obo         the part of OBO and OBO-graph JSON that a hierarchy of terms is made of
    write       the ontology of an annotate directory, and the scores of all terms above a call

May be called from outside: `read.read_ontology` (public in ``fastbench``), `ontology.Ontology`, and what `write` lists
in ``__all__``.
"""
