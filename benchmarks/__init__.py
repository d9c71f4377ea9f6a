"""How fast every activation is on every device of this machine, beside PyTorch and plain array code.

`python -m benchmarks` measures, prints tables and writes a folder with a report and pictures;
`pytest benchmarks` runs the same cases under pytest-benchmark.  Both share

    cases            what is measured: activation x direction x size x dtype x device x implementation
    activations      each activation in the words of gradcore, PyTorch, MyGrad and HIPS autograd
    implementations  one piece of timed work for each case
    plain            the unfused array expression, what the fusion is compared with
    reference        float64 values and derivatives, with which every case is checked before it is timed
    timing           measuring in turn
    summary          medians, spreads and ratios
    models           networks in the words that gradcore and PyTorch share; steps trains them in turn
    memory           the most memory that a step takes
    draws            random numbers beside those of NumPy or CuPy
    distributed      several processes; scaling is the report, network_model what larger machines would do
    compare          when a difference between two runs is a change
"""
