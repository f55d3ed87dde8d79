"""Reads spans, logs and metrics back through the Tempo, Loki and Prometheus faces and compares with what an SDK recorded.

Written against the public descriptions of the three APIs; each check returns a list of differences, empty when all is equal.
"""

import base64
import json
import os
import re
import urllib.parse
import urllib.request

KINDS = {0: "SPAN_KIND_INTERNAL", 1: "SPAN_KIND_SERVER", 2: "SPAN_KIND_CLIENT", 3: "SPAN_KIND_PRODUCER", 4: "SPAN_KIND_CONSUMER"}
UNITS = {"s": "seconds", "ms": "milliseconds", "By": "bytes", "1": "", "": "", None: ""}


def get(face, path, **query):
    """JSON of a GET to a face of the server."""
    address = os.environ["QUARTET_" + face]
    text = "?" + urllib.parse.urlencode(query) if query else ""
    with urllib.request.urlopen(f"http://{address}{path}{text}", timeout=30) as reply:
        return json.load(reply)


def differ(what, sent, found):
    """One difference, or none."""
    return [] if sent == found else [f"{what}: sent {sent!r}, found {found!r}"]


# Spans


def typed(value):
    """An OTLP AnyValue in JSON as (type, Python value)."""
    (kind, inner), *rest = value.items()
    assert not rest, value
    if kind == "arrayValue":
        return "list", [typed(item) for item in inner.get("values", [])]
    if kind == "intValue":
        return "int", int(inner)
    return {"stringValue": "str", "boolValue": "bool", "doubleValue": "float"}[kind], inner


def typed_sent(value):
    """The same for a value that the SDK holds."""
    if isinstance(value, (list, tuple)):
        return "list", [typed_sent(item) for item in value]
    return type(value).__name__, value


def typed_map(pairs):
    found = {}
    for pair in pairs:
        assert pair["key"] not in found, f"attribute {pair['key']} twice"
        found[pair["key"]] = typed(pair["value"])
    return found


def sent_map(attributes):
    return {key: typed_sent(value) for key, value in (attributes or {}).items()}


def check_spans(spans):
    """Each span that was recorded must be in its trace with all its fields, and no other."""
    faults = []
    traces = {}
    for span in spans:
        traces.setdefault(span.context.trace_id, {})[f"{span.context.span_id:016x}"] = span
    assert len(spans) > 30 and len(traces) >= 7, f"only {len(spans)} spans in {len(traces)} traces were recorded"
    for trace_id, sent in traces.items():
        page = get("TEMPO", f"/api/traces/{trace_id:032x}")
        found = {}
        for batch in page["batches"]:
            resource = typed_map(batch["resource"]["attributes"])
            for scope in batch["scopeSpans"]:
                for span in scope["spans"]:
                    found[base64.b64decode(span["spanId"]).hex()] = (resource, scope.get("scope", {}), span)
        faults += differ(f"span ids of {trace_id:032x}", sorted(sent), sorted(found))
        for span_id in set(sent) & set(found):
            faults += compare_span(sent[span_id], *found[span_id])
    return faults


def compare_span(sent, resource, scope, found):
    what = f"span {sent.name!r}"
    number = lambda name: int(found.get(name, "0"))
    code = sent.status.status_code.name
    faults = differ(f"{what} name", sent.name, found["name"])
    faults += differ(f"{what} resource", sent_map(sent.resource.attributes), resource)
    faults += differ(f"{what} scope", (sent.instrumentation_scope.name, sent.instrumentation_scope.version or ""), (scope.get("name"), scope.get("version", "")))
    faults += differ(f"{what} kind", KINDS[sent.kind.value], found["kind"])
    faults += differ(f"{what} start", sent.start_time, number("startTimeUnixNano"))
    faults += differ(f"{what} end", sent.end_time, number("endTimeUnixNano"))
    faults += differ(f"{what} attributes", sent_map(sent.attributes), typed_map(found.get("attributes", [])))
    parent = f"{sent.parent.span_id:016x}" if sent.parent else ""
    faults += differ(f"{what} parent", parent, base64.b64decode(found.get("parentSpanId", "")).hex())
    faults += differ(f"{what} status", f"STATUS_CODE_{code}", found.get("status", {}).get("code", "STATUS_CODE_UNSET"))
    faults += differ(f"{what} message", sent.status.description or "", found.get("status", {}).get("message", ""))
    events = [(event.name, event.timestamp, sent_map(event.attributes)) for event in sent.events]
    found_events = [(event["name"], int(event["timeUnixNano"]), typed_map(event.get("attributes", []))) for event in found.get("events", [])]
    faults += differ(f"{what} events", events, found_events)
    links = [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}", sent_map(link.attributes)) for link in sent.links]
    plain = lambda text: base64.b64decode(text).hex()
    found_links = [(plain(link["traceId"]), plain(link["spanId"]), typed_map(link.get("attributes", []))) for link in found.get("links", [])]
    return faults + differ(f"{what} links", links, found_links)


# Logs


def label_name(key):
    """Loki's rule: invalid characters become one underscore."""
    name = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9_]", "_", key))
    return "key_" + name if name[:1].isdigit() else name


def label_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, separators=(",", ":"))
    return str(value)


def check_logs(service, entries):
    """Each record must be a line with its labels and structured metadata, once."""
    assert len(entries) >= 12, f"only {len(entries)} log records were recorded"
    # The pinned version calls it LogData, the newest ReadableLogRecord; both hold `log_record`.
    records = [(entry.log_record, getattr(entry, "resource", None) or entry.log_record.resource) for entry in entries]
    start, end = min(record.timestamp for record, _ in records), max(record.timestamp for record, _ in records) + 1
    query = '{service_name="' + service + '"}'
    page = get("LOKI", "/loki/api/v1/query_range", query=query, start=start, end=end, limit=5000, direction="forward")
    found = {}
    for stream in page["data"]["result"]:
        for time, line, *_ in stream["values"]:
            found.setdefault((int(time), line), []).append(stream["stream"])
    faults = differ("log lines", sorted((record.timestamp, record.body) for record, _ in records), sorted(key for key, streams in found.items() for _ in streams))
    for record, resource in records:
        streams = found.get((record.timestamp, record.body))
        if not streams:
            continue
        expected = {label_name(key): label_value(value) for key, value in {**resource.attributes, **(record.attributes or {})}.items()}
        expected |= {
            "severity_text": record.severity_text,
            "severity_number": str(record.severity_number.value),
            "trace_id": f"{record.trace_id:032x}",
            "span_id": f"{record.span_id:016x}",
        }
        for name, value in expected.items():
            faults += differ(f"log {record.body[:40]!r} label {name}", value, streams[0].get(name))
    return faults


# Metrics


def metric_name(metric, monotonic):
    """The standard translation of an OTLP name, with unit and type suffixes."""
    tokens = [token for token in re.split(r"[^A-Za-z0-9:]", metric.name) if token]
    # Units that the standard does not know are taken as they are.
    unit = "" if "{" in (metric.unit or "") else UNITS.get(metric.unit, metric.unit)
    if unit and unit not in tokens:
        tokens.append(unit)
    if metric.unit == "1" and type(metric.data).__name__ == "Gauge":
        tokens.append("ratio")
    if monotonic:
        tokens = [token for token in tokens if token != "total"] + ["total"]
    return "_".join(tokens)


# Resource attributes that become labels of every series (the list in the README of crates/storage).
PROMOTED = ["service.name", "service.namespace", "service.instance.id", "service.version", "deployment.environment"]


def check_metrics(data):
    """Each point must be a sample (or the samples of a histogram) with its labels."""
    faults, count = [], 0
    for block in data.resource_metrics:
        attributes = block.resource.attributes
        base = {"job": attributes["service.name"], "instance": attributes["service.instance.id"]}
        promoted = {label_name(key): attributes[key] for key in PROMOTED if key in attributes}
        for scope in block.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    count += 1
                    faults += check_point(metric, point, base | promoted)
        found = get("MIMIR", "/prometheus/api/v1/query", query="target_info")["data"]["result"]
        info = {label_name(key): label_value(value) for key, value in attributes.items() if key not in ("service.name", "service.instance.id")}
        faults += differ("target_info", {**info, **base, "__name__": "target_info"}, found[0]["metric"] if found else None)
    assert count >= 6, f"only {count} points were recorded"
    return faults


def check_point(metric, point, base):
    labels = base | {label_name(key): label_value(value) for key, value in point.attributes.items()}
    if not hasattr(point, "bucket_counts"):
        name = metric_name(metric, getattr(metric.data, "is_monotonic", False))
        return check_sample(name, labels, point.value)
    name = metric_name(metric, False)
    faults = check_sample(name + "_count", labels, point.count) + check_sample(name + "_sum", labels, point.sum)
    cumulative = 0
    for bound, bucket in zip([*point.explicit_bounds, float("inf")], point.bucket_counts):
        cumulative += bucket
        edge = "+Inf" if bound == float("inf") else f"{bound:g}"
        faults += check_sample(name + "_bucket", labels | {"le": edge}, cumulative)
    return faults


def check_sample(name, labels, value):
    selector = name + "{" + ",".join(f"{key}={json.dumps(text, ensure_ascii=False)}" for key, text in sorted(labels.items())) + "}"
    found = get("MIMIR", "/prometheus/api/v1/query", query=selector)["data"]["result"]
    if len(found) != 1:
        return [f"{selector}: {len(found)} series"]
    faults = differ(f"{selector} labels", labels | {"__name__": name}, found[0]["metric"])
    return faults + differ(selector, float(value), float(found[0]["value"][1]))
