//! Answers as server-sent events. The answer's status waits for the model's: a refusal is still an ordinary error.
//!
//! A task of its own produces the events. When the client goes away the channel closes, the task drops the call that runs, and
//! dropping it bills what was used (see `metering::call`).

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use service_kit::Problem;
use tokio::sync::{mpsc, oneshot};

use super::converse::{Event, Progress, Task, converse};
use super::wire::{ChatChunk, ChunkChoice, Delta, Message, Role};
use super::{Completion, error, sessions};
use crate::state::State;

/// Events that wait for a slow client; then the model's answer is read more slowly.
const EVENTS_WAITING_MAX: usize = 64;

/// Answers a task as a stream.
///
/// # Errors
/// When the model refuses before its first chunk.
pub(super) async fn respond(
    state: &Arc<State>,
    task: Task,
    completion: Completion,
    news: Vec<Message>,
) -> Result<Response, Problem> {
    let (lines, receiver) = mpsc::channel::<Bytes>(EVENTS_WAITING_MAX);
    let (begun, has_begun) = oneshot::channel();
    let producer = Producer { state: Arc::clone(state), completion, news, lines };
    state.tasks.spawn("chat stream", |stop| async move {
        tokio::select! {
            () = producer.run(task, begun) => {}
            () = stop.cancelled() => {}
        }
    });
    // A sender that is dropped without a word: the task panicked or the service stops.
    has_begun.await.unwrap_or_else(|_| Err(Problem::unavailable("the answer was given up")))?;
    let body = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|line| (Ok::<_, Infallible>(line), receiver))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx and its kin would collect the events otherwise.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

struct Producer {
    state: Arc<State>,
    completion: Completion,
    news: Vec<Message>,
    lines: mpsc::Sender<Bytes>,
}

impl Producer {
    async fn run(self, task: Task, begun: oneshot::Sender<Result<(), Problem>>) {
        let mut progress = Progress::default();
        let mut begun = Some(begun);
        let (sender, mut events) = mpsc::channel(EVENTS_WAITING_MAX);
        let sender = Some(sender);
        let outcome = {
            let work = converse(&self.state, task, &sender, &mut progress);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    biased;
                    () = self.lines.closed() => break None,
                    Some(event) = events.recv() => self.forward(event, &mut begun).await,
                    outcome = &mut work => break Some(outcome),
                }
            }
        };
        while let Ok(event) = events.try_recv() {
            self.forward(event, &mut begun).await;
        }
        match outcome {
            Some(Err(failure)) => {
                let problem = error::problem(failure);
                match begun.take() {
                    // Nobody waits any more: then nobody needs to know.
                    Some(begun) => drop(begun.send(Err(problem))),
                    None => self.end_failed(&problem, &progress).await,
                }
            }
            Some(Ok(())) => {
                self.end(&progress).await;
                sessions::keep(&self.state, &self.completion.session, self.news, &progress).await;
            }
            None => sessions::keep(&self.state, &self.completion.session, self.news, &progress).await,
        }
    }

    async fn forward(&self, event: Event, begun: &mut Option<oneshot::Sender<Result<(), Problem>>>) {
        match event {
            Event::Begun => {
                if let Some(begun) = begun.take() {
                    let _ = begun.send(Ok(()));
                    self.delta(Delta { role: Some(Role::Assistant), ..Delta::default() }, None).await;
                }
            }
            Event::Text(text) => self.delta(Delta { content: Some(text), ..Delta::default() }, None).await,
        }
    }

    async fn delta(&self, delta: Delta, finish_reason: Option<&str>) {
        let choice = ChunkChoice { index: 0, delta, finish_reason: finish_reason.map(str::to_owned) };
        self.send(&self.chunk(vec![choice])).await;
    }

    async fn end(&self, progress: &Progress) {
        let delta = Delta { function_call: progress.function_call.clone(), ..Delta::default() };
        self.delta(delta, Some(progress.finish_reason)).await;
        self.end_usage(progress).await;
    }

    async fn end_failed(&self, problem: &Problem, progress: &Progress) {
        self.line(&serde_json::json!({"error": problem.to_json()}).to_string()).await;
        self.end_usage(progress).await;
    }

    async fn end_usage(&self, progress: &Progress) {
        let mut last = self.chunk(Vec::new());
        last.usage = Some(progress.totals.view());
        last.session_id = Some(self.completion.session.clone());
        self.send(&last).await;
        self.line("[DONE]").await;
    }

    fn chunk(&self, choices: Vec<ChunkChoice>) -> ChatChunk {
        ChatChunk {
            id: self.completion.id.clone(),
            object: "chat.completion.chunk",
            created: self.completion.created,
            model: self.completion.model.clone(),
            choices,
            usage: None,
            session_id: None,
        }
    }

    async fn send(&self, chunk: &ChatChunk) {
        let text = serde_json::to_string(chunk).expect("a chunk has only string keys");
        self.line(&text).await;
    }

    async fn line(&self, data: &str) {
        // The client has gone when this fails; the loop above sees it too.
        let _ = self.lines.send(Bytes::from(format!("data: {data}\n\n"))).await;
    }
}
