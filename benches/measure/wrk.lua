-- An argument is the length of a body to send along. The run ends with one line that the benchmark reads;
-- times are in microseconds.
init = function(arguments)
    if arguments[1] then
        wrk.method = "POST"
        wrk.body = string.rep("x", tonumber(arguments[1]))
    end
end

done = function(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        "measured requests=%d duration=%d status=%d connect=%d read=%d write=%d timeout=%d p50=%d p99=%d p999=%d\n",
        summary.requests, summary.duration, errors.status, errors.connect, errors.read, errors.write,
        errors.timeout, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
