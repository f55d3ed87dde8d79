//! `/api/status`: the facts of the page as JSON. Times are RFC 3339 or null.

use serde_json::{Value, json};

use crate::Facts;
use crate::text::rfc3339;

/// The whole report.
pub(crate) fn report(facts: &Facts) -> Value {
    let store = &facts.store;
    let listeners: Vec<Value> = facts
        .listeners
        .iter()
        .map(|listener| {
            let address = (!listener.address.is_empty()).then_some(&listener.address);
            json!({"name": listener.name, "address": address})
        })
        .collect();
    let signals: Vec<Value> = store
        .signals
        .iter()
        .zip(&facts.rates)
        .map(|(signal, rate)| {
            json!({
                "signal": signal.signal,
                "accepted": signal.accepted,
                "rejected": signal.rejected,
                "late": signal.late,
                "acceptedPerSecond": (rate * 10.0).round() / 10.0,
                "oldest": signal.oldest.map(rfc3339),
                "newest": signal.newest.map(rfc3339),
                "headRows": signal.head_rows,
                "headBytes": signal.head_bytes,
                "walBytes": signal.wal_bytes,
                "blocks": signal.blocks,
                "blockRows": signal.block_rows,
                "blockBytes": signal.block_bytes,
                "flushes": signal.flushes,
                "compactions": signal.compactions,
                "retentionDeletedBlocks": signal.retention_deleted_blocks,
            })
        })
        .collect();
    let refusals: Vec<Value> = facts
        .refusals
        .iter()
        .map(|refusal| {
            json!({
                "receiver": refusal.receiver,
                "signal": refusal.signal,
                "reason": refusal.reason,
                "count": refusal.count,
                "last": rfc3339(model::UnixNanos::from_secs(refusal.last_unix_secs)),
            })
        })
        .collect();
    json!({
        "version": facts.version,
        "revision": facts.revision,
        "time": rfc3339(facts.now),
        "listeners": listeners,
        "signals": signals,
        "refused": refusals,
        "redacted": facts.redacted.iter().map(|(signal, count)| (signal.clone(), json!(count))).collect::<serde_json::Map<_, _>>(),
        "store": {
            "dataDir": store.data_dir,
            "durability": store.durability,
            "retentionSeconds": store.retention_secs,
            "headBytesMax": store.head_bytes_max,
            "refusing": store.refusing,
            "lastError": store.last_error,
            "backgroundTasks": store.background_tasks,
        },
    })
}
