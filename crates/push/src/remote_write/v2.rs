//! Remote write 2.0: `io.prometheus.write.v2.Request` {symbols 4, timeseries 5}.

use model::{MetricType, UnixMillis};
use protowire::cursor::{BYTES, Cursor, FIXED64, VARINT};

use super::{count_samples, decode_sample, push};
use crate::error::DecodeError;
use crate::hash::{hash_bytes, hash_hashes};
use crate::histogram::decode_histogram;
use crate::labels::{LabelsView, Repr};
use crate::sink::SeriesSink;
use crate::view::{ExemplarView, HistogramView, MetadataView, SampleView, SeriesView};

/// Most symbols of a request. An empty one takes two bytes on the wire and 24 in memory, so there must be some limit; Prometheus
/// sends at most 2,000 series in a request.
const SYMBOLS_MAX: usize = 1 << 20;

/// Walks an `io.prometheus.write.v2.Request` (remote write 2.0), already decompressed. An error means that the outer structure or the
/// symbol table is broken; the sink may already have been given series, which the caller then throws away.
pub fn decode_remote_write_v2(request: &[u8], sink: &mut impl SeriesSink) -> Result<(), DecodeError> {
    let symbols = Symbols::read(request)?;
    let mut parts = Parts::default();
    let mut cursor = Cursor::new(request);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (5, BYTES) => {
                let message = cursor.bytes()?;
                match parts.read(message, &symbols) {
                    Ok(()) => parts.give(&symbols, sink),
                    Err(error) => sink.malformed(count_samples(message, 3), error),
                }
            }
            other => cursor.skip(other, 0)?,
        }
    }
    Ok(())
}

/// The symbol table. Each symbol is hashed once, so that a series' hash costs no look at its texts.
struct Symbols<'a> {
    texts: Vec<&'a str>,
    hashes: Vec<u64>,
}

impl<'a> Symbols<'a> {
    /// Collects the symbols of the whole request; they may stand behind the series.
    fn read(request: &'a [u8]) -> Result<Self, DecodeError> {
        let mut symbols = Self { texts: Vec::new(), hashes: Vec::new() };
        let mut cursor = Cursor::new(request);
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (4, BYTES) => {
                    if symbols.texts.len() >= SYMBOLS_MAX {
                        return Err(DecodeError::Symbols("too many symbols"));
                    }
                    let text = cursor.str(4)?;
                    symbols.texts.push(text);
                    symbols.hashes.push(hash_bytes(text.as_bytes()));
                }
                (5, BYTES) => drop(cursor.bytes()?),
                other => cursor.skip(other, 0b11_0000)?,
            }
        }
        Ok(symbols)
    }

    fn text(&self, reference: u64) -> Result<&'a str, DecodeError> {
        let at = usize::try_from(reference).ok();
        at.and_then(|at| self.texts.get(at)).copied().ok_or(DecodeError::Symbols("reference outside the table"))
    }
}

/// The series that is being read.
#[derive(Default)]
struct Parts<'a> {
    refs: Vec<u32>,
    samples: Vec<SampleView>,
    histograms: Vec<HistogramView>,
    exemplars: Vec<Exemplar>,
    exemplar_refs: Vec<u32>,
    metadata: Option<MetadataView<'a>>,
}

struct Exemplar {
    /// Range of `exemplar_refs`.
    refs: (usize, usize),
    value: f64,
    time: UnixMillis,
}

impl<'a> Parts<'a> {
    fn read(&mut self, message: &'a [u8], symbols: &Symbols<'a>) -> Result<(), DecodeError> {
        self.refs.clear();
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.exemplar_refs.clear();
        self.metadata = None;
        let mut created = UnixMillis::default();
        let mut cursor = Cursor::new(message);
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (1, BYTES) => read_refs(cursor.bytes()?, &mut self.refs, symbols)?,
                (1, VARINT) => push_ref(cursor.varint()?, &mut self.refs, symbols)?,
                (2, BYTES) => push(&mut self.samples, decode_sample(cursor.bytes()?)?)?,
                (3, BYTES) => push(&mut self.histograms, decode_histogram(cursor.bytes()?)?)?,
                (4, BYTES) => self.read_exemplar(cursor.bytes()?, symbols)?,
                (5, BYTES) => self.metadata = Some(decode_metadata(cursor.bytes()?, symbols)?),
                // `created_timestamp` of release candidates up to rc.3: one start time for all samples of the series.
                (6, VARINT) => created = UnixMillis(cursor.varint()? as i64),
                other => cursor.skip(other, 0b111_1110)?,
            }
        }
        if !self.refs.len().is_multiple_of(2) {
            return Err(DecodeError::Symbols("odd number of label references"));
        }
        if created.0 != 0 {
            let starts = self.samples.iter_mut().map(|sample| &mut sample.start_time);
            let starts = starts.chain(self.histograms.iter_mut().map(|histogram| &mut histogram.start_time));
            starts.filter(|start| start.0 == 0).for_each(|start| *start = created);
        }
        Ok(())
    }

    fn give(&self, symbols: &Symbols<'a>, sink: &mut impl SeriesSink) {
        let view = |refs| LabelsView(Repr::Symbols { refs, symbols: &symbols.texts });
        // Allocates only for series that have exemplars.
        let exemplars: Vec<_> = self
            .exemplars
            .iter()
            .map(|exemplar| ExemplarView {
                labels: view(&self.exemplar_refs[exemplar.refs.0..exemplar.refs.1]),
                value: exemplar.value,
                time: exemplar.time,
            })
            .collect();
        sink.series(&SeriesView {
            labels_hash: hash_hashes(self.refs.iter().map(|reference| symbols.hashes[*reference as usize])),
            labels: view(&self.refs),
            samples: &self.samples,
            histograms: &self.histograms,
            exemplars: &exemplars,
            metadata: self.metadata,
        });
    }

    /// Reads an `Exemplar`: labels_refs 1, value 2, timestamp 3.
    fn read_exemplar(&mut self, message: &[u8], symbols: &Symbols<'_>) -> Result<(), DecodeError> {
        let start = self.exemplar_refs.len();
        let (mut value, mut time) = (0.0, UnixMillis::default());
        let mut cursor = Cursor::new(message);
        while let Some(tag) = cursor.next_tag()? {
            match tag {
                (1, BYTES) => read_refs(cursor.bytes()?, &mut self.exemplar_refs, symbols)?,
                (1, VARINT) => push_ref(cursor.varint()?, &mut self.exemplar_refs, symbols)?,
                (2, FIXED64) => value = cursor.double()?,
                (3, VARINT) => time = UnixMillis(cursor.varint()? as i64),
                other => cursor.skip(other, 0b1110)?,
            }
        }
        let refs = (start, self.exemplar_refs.len());
        if !(refs.1 - refs.0).is_multiple_of(2) {
            return Err(DecodeError::Symbols("odd number of label references"));
        }
        push(&mut self.exemplars, Exemplar { refs, value, time })
    }
}

fn read_refs(packed: &[u8], refs: &mut Vec<u32>, symbols: &Symbols<'_>) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(packed);
    while !cursor.is_at_end() {
        push_ref(cursor.varint()?, refs, symbols)?;
    }
    Ok(())
}

fn push_ref(reference: u64, refs: &mut Vec<u32>, symbols: &Symbols<'_>) -> Result<(), DecodeError> {
    // Prost and Go cut the varint of a uint32 to its low bits.
    let reference = reference as u32;
    symbols.text(u64::from(reference))?;
    push(refs, reference)
}

/// Reads a `Metadata`: type 1, help_ref 3, unit_ref 4.
fn decode_metadata<'a>(message: &[u8], symbols: &Symbols<'a>) -> Result<MetadataView<'a>, DecodeError> {
    let mut metadata = MetadataView::default();
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, VARINT) => metadata.metric_type = MetricType::from_number(cursor.varint()?),
            (3, VARINT) => metadata.help = symbols.text(cursor.varint()?)?,
            (4, VARINT) => metadata.unit = symbols.text(cursor.varint()?)?,
            other => cursor.skip(other, 0b1_1010)?,
        }
    }
    Ok(metadata)
}
