//! Metrics: series of float samples and native histograms, from OTLP and from remote write.
//!
//! | module | owns |
//! |---|---|
//! | [`naming`] | OTLP names to Prometheus names |
//! | [`translate`] | OTLP points to series and samples |
//! | [`remote`] | remote write 1.0 and 2.0 to series and samples |
//! | [`key`], [`cache`], [`series`] | finding a series again without building its labels |
//! | [`batch`] | a decoded request |
//! | [`head`], [`slot`], [`postings`] | what is in memory: samples per series, series per label |
//! | [`delta`], [`histogram`], [`merge`] | running totals, native histograms, lists of samples to one |
//! | [`block`], [`flush`], [`compact`] | what is on disk, see `docs/formats/samples.md` |
//! | [`read`] | questions over heads and blocks |
//!
//! A time of a series holds one sample: the last write wins, a histogram wins over a float. (Prometheus refuses a second value
//! for a time; a sender that repeats itself after an error should not be refused.) Late samples are taken, whatever their age.

mod batch;
mod block;
mod cache;
mod compact;
mod delta;
mod flush;
mod head;
mod histogram;
mod key;
mod merge;
mod naming;
mod postings;
pub(crate) mod read;
mod remote;
mod series;
mod slot;
#[cfg(test)]
mod tests;
mod translate;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::TenantId;
use store_api::{Appended, Payload, StoreError, WireFormat};

pub(crate) use batch::Batch;
pub(crate) use block::open::Opened;
pub(crate) use head::Head;

use self::block::open::read_totals;
use self::cache::Cache;
use self::head::Tenant;
use self::remote::RemoteSink;
use self::series::{SeriesMaker, SeriesRef};
use self::translate::settings::TranslateSettings;
use self::translate::{TranslateSink, Translator};
use crate::engine::block::{Block, BlockFiles, BlockWriter};
use crate::engine::signal::{BlockSummary, Decoded, HeadSize, Signal};

/// Ways to write a series that are remembered, per protocol. An entry whose series is in a head costs 50 bytes more.
const TARGETS_MAX: usize = 1 << 17;

/// The signal.
pub(crate) struct Samples {
    translator: Translator,
    remote: Cache<SeriesRef>,
    maker: SeriesMaker,
    tenants: Mutex<HashMap<TenantId, Arc<Tenant>>>,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            translator: Translator::new(TranslateSettings::default(), TARGETS_MAX),
            remote: Cache::new(TARGETS_MAX),
            maker: SeriesMaker::default(),
            tenants: Mutex::default(),
        }
    }
}

/// Order in which blocks were written first (ULIDs rise with time): a merged block is as old as its newest input.
fn age(block: &Block<Samples>) -> String {
    let meta = &block.files.meta;
    meta.replaces.iter().max().unwrap_or(&meta.ulid).clone()
}

impl Samples {
    fn tenant(&self, tenant: &TenantId) -> Arc<Tenant> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.entry(tenant.clone()).or_default().clone()
    }

    fn decode_otlp(&self, payload: &Payload) -> Result<Decoded<Batch>, StoreError> {
        let mut sink = TranslateSink::new(&self.translator, payload.received);
        otlp::decode_metrics(&payload.body, &mut sink).map_err(|error| StoreError::InvalidInput(error.to_string()))?;
        sink.finish();
        let reason = sink.reason.take();
        let appended = Appended { accepted: sink.accepted, rejected: sink.rejected, reason, ..Appended::default() };
        Ok(Decoded { batch: Some(std::mem::take(&mut sink.batch)).filter(|batch| !batch.is_empty()), appended })
    }

    fn decode_remote(&self, payload: &Payload) -> Result<Decoded<Batch>, StoreError> {
        let is_v1 = payload.format == WireFormat::RemoteWriteV1;
        let mut sink = RemoteSink::new(&self.remote, &self.maker, if is_v1 { 1 } else { 2 });
        let walk = if is_v1 { push::decode_remote_write_v1 } else { push::decode_remote_write_v2 };
        walk(&payload.body, &mut sink).map_err(|error| StoreError::InvalidInput(error.to_string()))?;
        let appended = Appended {
            accepted: sink.samples + sink.histograms,
            rejected: sink.rejected,
            reason: sink.reason,
            samples: sink.samples,
            histograms: sink.histograms,
            exemplars: sink.exemplars,
        };
        Ok(Decoded { batch: Some(sink.batch).filter(|batch| !batch.is_empty()), appended })
    }
}

impl Signal for Samples {
    const NAME: &'static str = "samples";
    type Batch = Batch;
    type Head = Head;
    type Opened = Opened;

    fn late(&self) -> u64 {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.values().map(|tenant| tenant.deltas.lock().unwrap_or_else(PoisonError::into_inner).dropped).sum()
    }

    fn decode(&self, payload: &Payload) -> Result<Decoded<Batch>, StoreError> {
        match payload.format {
            WireFormat::OtlpMetrics => self.decode_otlp(payload),
            WireFormat::RemoteWriteV1 | WireFormat::RemoteWriteV2 => self.decode_remote(payload),
            other => Err(StoreError::InvalidInput(format!("{other:?} does not hold metrics"))),
        }
    }

    fn new_head(&self, tenant: &TenantId) -> Head {
        Head::new(self.tenant(tenant))
    }

    fn attach(&self, head: &Head, batch: Batch) {
        head.attach(batch);
    }

    fn size(&self, head: &Head) -> HeadSize {
        head.size()
    }

    fn flush(&self, head: &Head, writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
        flush::flush(head, writer)
    }

    fn compact(&self, inputs: &[Arc<Block<Self>>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
        compact::compact(self, inputs, writer)
    }

    fn open(&self, files: &BlockFiles) -> Result<Opened, StoreError> {
        Opened::open(files)
    }

    fn restore(&self, tenant: &TenantId, blocks: &[Arc<Block<Self>>]) -> Result<(), StoreError> {
        let tenant = self.tenant(tenant);
        let deltas = tenant.deltas.lock().unwrap_or_else(PoisonError::into_inner);
        let deltas = std::cell::RefCell::new(deltas);
        for block in blocks {
            read_totals(
                &block.files,
                |labels, total| deltas.borrow_mut().restore(key::key_of(labels), total),
                |labels, total| deltas.borrow_mut().restore_histogram(key::key_of(labels), total),
            )?;
        }
        Ok(())
    }
}
