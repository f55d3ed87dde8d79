//! Finds secrets in text and masks them; shared by the SDK and the collector.
