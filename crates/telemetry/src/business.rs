//! On whose behalf work is done: attributes that every span below carries, here and in services that are called.
//!
//! They travel in W3C baggage. Baggage of a context cannot be changed, though, and a handler learns the user only after its span has
//! begun; so a request's context may hold a [`Slot`], into which [`crate::add_business_attributes`] writes. Spans that start below read
//! baggage, then the slot; what is sent to other services is baggage with the slot merged in.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{FutureExt, Span as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span;

use crate::attributes::Business;

/// The keys that spans copy from baggage. Others travel on, but mark no span: baggage of strangers must not fill our stores.
const KEYS: &[&str] =
    &["user.id", "tenant.id", "api.key_hash", "cost.center", "workflow.id", "workflow.type", "workflow.execution_id"];
/// Longer values are not ids.
const VALUE_MAX: usize = 256;

/// Values that were learnt while a request was under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Slot {
    fn set(&self, key: &'static str, value: &str) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => value.clone_into(known),
            None => entries.push((key, value.to_owned())),
        }
    }

    fn entries(&self) -> Vec<(&'static str, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Business {
    /// The fields that are set, under the names of the contract.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [
            ("user.id", &self.user_id),
            ("tenant.id", &self.tenant_id),
            ("api.key_hash", &self.api_key_hash),
            ("cost.center", &self.cost_center),
        ];
        fields.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }

    /// `context` with these fields in its baggage, over those that are there.
    pub fn onto(&self, context: &Context) -> Context {
        with_entries(context, self.entries())
    }

    /// The fields that `context` carries.
    pub fn of(context: &Context) -> Self {
        let value = |key: &str| {
            let slot = context.get::<Slot>().map(Slot::entries).unwrap_or_default();
            let from_slot = slot.into_iter().find(|(known, _)| *known == key).map(|(_, value)| value);
            from_slot.or_else(|| context.baggage().get(key).map(|value| value.as_str().to_owned()))
        };
        Self {
            user_id: value("user.id"),
            tenant_id: value("tenant.id"),
            api_key_hash: value("api.key_hash"),
            cost_center: value("cost.center"),
        }
    }
}

/// `context` with a place where [`crate::add_business_attributes`] and [`crate::add_workflow_attributes`] can leave what they learn for
/// spans that start later and for services that are called. One per request or workflow run; what an outer one knows is kept.
pub fn scope(context: &Context) -> Context {
    let slot = Slot::default();
    if let Some(outer) = context.get::<Slot>() {
        outer.entries().into_iter().for_each(|(key, value)| slot.set(key, &value));
    }
    context.with_value(slot)
}

/// Runs `future` on behalf of `business`: every span that begins inside carries its attributes, here and in services called.
pub async fn with_business<F: Future>(business: Business, future: F) -> F::Output {
    let context = scope(&Context::current());
    remember(&context, business.entries());
    future.with_context(context).await
}

/// Leaves entries in the slot of `context`, if it has one.
pub(crate) fn remember<'a>(context: &Context, entries: impl Iterator<Item = (&'static str, &'a str)>) {
    if let Some(slot) = context.get::<Slot>() {
        entries.for_each(|(key, value)| slot.set(key, value));
    }
}

/// `context` with the slot's entries in its baggage; `None` when there is nothing to merge.
pub(crate) fn merged_baggage(context: &Context) -> Option<Context> {
    let entries = context.get::<Slot>()?.entries();
    (!entries.is_empty()).then(|| with_entries(context, entries.iter().map(|(key, value)| (*key, value.as_str()))))
}

/// `context` with `entries` in its baggage, over those that are there. Baggage is built anew, so give all entries at once.
pub(crate) fn with_entries<'a>(
    context: &Context,
    entries: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> Context {
    let mut entries = entries.into_iter().peekable();
    if entries.peek().is_none() {
        return context.clone();
    }
    let known = context.baggage().iter();
    let known =
        known.map(|(key, (value, metadata))| KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone()));
    let entries = entries.map(|(key, value)| KeyValueMetadata::new(key, value.to_owned(), ""));
    context.with_baggage(known.chain(entries))
}

/// Called for each span that starts below `parent`. Cheap when nothing travels, which is two look-ups in an empty map.
pub(crate) fn mark(span: &mut Span, parent: &Context) {
    let slot = parent.get::<Slot>().map(Slot::entries).unwrap_or_default();
    let baggage = parent.baggage();
    if !baggage.is_empty() {
        for key in KEYS {
            let is_known = slot.iter().any(|(known, _)| known == key);
            if let Some(value) = baggage.get(key).filter(|value| !is_known && value.as_str().len() <= VALUE_MAX) {
                span.set_attribute(KeyValue::new(*key, value.clone()));
            }
        }
    }
    for (key, value) in slot {
        span.set_attribute(KeyValue::new(key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn business() -> Business {
        Business { user_id: Some("u".to_owned()), tenant_id: Some("t".to_owned()), ..Business::default() }
    }

    #[test]
    fn the_slot_wins_over_baggage_and_is_merged_for_others() {
        let outer =
            Business { tenant_id: Some("old".to_owned()), cost_center: Some("c".to_owned()), ..Business::default() };
        let context = scope(&outer.onto(&Context::new()));
        remember(&context, business().entries());
        let expected = Business { cost_center: Some("c".to_owned()), ..business() };
        assert_eq!(Business::of(&context), expected);
        let sent = merged_baggage(&context).unwrap();
        assert_eq!(Business::of(&sent.with_value(Slot::default())), expected);
    }

    #[test]
    fn nothing_to_merge() {
        assert!(merged_baggage(&Context::new()).is_none());
        assert!(merged_baggage(&scope(&Context::new())).is_none());
    }
}
