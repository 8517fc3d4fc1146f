-- Ends a wrk run with one line that the benchmark reads; times are in microseconds.
done = function(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        "measured requests=%d duration=%d status=%d connect=%d read=%d write=%d timeout=%d p50=%d p99=%d max=%d\n",
        summary.requests, summary.duration, errors.status, errors.connect, errors.read, errors.write,
        errors.timeout, latency:percentile(50), latency:percentile(99), latency.max))
end
