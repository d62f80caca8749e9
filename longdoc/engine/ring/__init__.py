"""Ring mode: exact attention over a document whose keys and values are shared out among processes.

    layout      which process holds which tokens
    transport   blocks of keys and values that travel round, and partial results that come together
    attention   one layer's attention over them, for reading and for writing
    cache       a process's share of a reading state
    processes   joining, messages from the first process to the others, and what happens when one is lost
    reader      the reader of the first process, and what the others do
    launch      starting them on one machine

Ring Attention: Liu, Zaharia and Abbeel 2023, arXiv 2310.01889. Departures: the order of tokens is zigzag, so that all
processes have the same work under a causal mask; blocks are merged by their log-sum-exp; while something is written
the few new queries are given to every process, and partial results travel instead of keys.
"""
