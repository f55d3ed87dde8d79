//! Where the layers take their tracer and their instruments from.
//!
//! A layer may be built before [`crate::init`] (in a `static`, in a constructor): tracers are asked for per operation, and
//! instruments are made anew after each [`changed`], so that such a layer is not silent for ever.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

/// The instrumentation scope of everything that the layers emit.
const SCOPE: &str = "telemetry";

/// Bumped whenever the process's providers are replaced.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// To be called when the process's providers were replaced.
pub(crate) fn changed() {
    GENERATION.fetch_add(1, Ordering::Release);
}

/// Providers of a layer: those of the process, or given ones (tests, several services in one process).
#[derive(Clone, Debug, Default)]
pub struct Providers {
    given: Option<Given>,
}

#[derive(Clone, Debug)]
struct Given {
    tracer: SdkTracer,
    meters: SdkMeterProvider,
}

impl Providers {
    /// Those that [`crate::init`] set up, whenever that happens.
    pub fn of_process() -> Self {
        Self::default()
    }

    /// These, whatever the process has.
    pub fn given(tracers: &SdkTracerProvider, meters: &SdkMeterProvider) -> Self {
        let tracer = tracers.tracer(SCOPE);
        Self { given: Some(Given { tracer, meters: meters.clone() }) }
    }

    /// The tracer to make a span with, now.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.given.as_ref().map_or_else(crate::tracer, |given| given.tracer.clone())
    }

    fn meter(&self) -> Meter {
        self.given.as_ref().map_or_else(|| crate::meter(SCOPE), |given| given.meters.meter(SCOPE))
    }

    fn generation(&self) -> u64 {
        // Given providers are never replaced.
        if self.given.is_some() { 0 } else { GENERATION.load(Ordering::Acquire) }
    }
}

/// Instruments of a layer, made by `build` at first use and again after the providers changed.
pub(crate) struct Instruments<T> {
    providers: Providers,
    build: Box<dyn Fn(&Meter) -> T + Send + Sync>,
    made: RwLock<Option<(u64, Arc<T>)>>,
}

impl<T> Instruments<T> {
    pub(crate) fn new(providers: Providers, build: impl Fn(&Meter) -> T + Send + Sync + 'static) -> Self {
        Self { providers, build: Box::new(build), made: RwLock::new(None) }
    }

    pub(crate) fn get(&self) -> Arc<T> {
        let wanted = self.providers.generation();
        if let Some((generation, made)) = &*self.made.read().unwrap_or_else(PoisonError::into_inner)
            && *generation == wanted
        {
            return Arc::clone(made);
        }
        let mut slot = self.made.write().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            // Another thread was faster.
            Some((generation, made)) if *generation == wanted => Arc::clone(made),
            _ => {
                let made = Arc::new((self.build)(&self.providers.meter()));
                *slot = Some((wanted, Arc::clone(&made)));
                made
            }
        }
    }
}

impl<T> std::fmt::Debug for Instruments<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Instruments").field("providers", &self.providers).finish_non_exhaustive()
    }
}
