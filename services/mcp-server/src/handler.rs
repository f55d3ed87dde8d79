//! The Model Context Protocol itself: what rmcp leaves to a server. Streamable HTTP and stdio use the same handler.
//!
//! rmcp negotiates both eras on one path: stateless 2026-07-28 (metadata in each request, `server/discover`) and sessions with
//! `initialize` back to 2024-11-05. Deliberately absent: resources, prompts, completion, logging, tasks; rmcp answers −32601.

use std::sync::Arc;

use opentelemetry::trace::FutureExt;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, DiscoverResult, ErrorCode, ErrorData,
    Implementation, InitializeRequestParams, InitializeResult, JsonObject, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool as Card,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;

use crate::SERVICE;
use crate::error::Error;
use crate::span::{Metrics, Outcome, Span};
use crate::tools::{TOOLS, Tool, Toolbox};

/// The list of tools changes with the binary only.
const LIST_TTL_MS: u64 = 3_600_000;

/// What a model is told about this server as a whole.
const INSTRUCTIONS: &str = "Tools for Airtable (bases, schema, records), arithmetic, search and read-only SQL. Look up ids with \
                            airtable_list_bases and airtable_get_schema before reading or changing records.";

/// One server; clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    pub(crate) tools: Arc<Toolbox>,
    pub(crate) metrics: Metrics,
}

impl Handler {
    /// Runs a tool inside the current span and writes the log line.
    pub(crate) async fn run(&self, tool: &Tool, arguments: JsonObject) -> Result<Value, Error> {
        let begin = std::time::Instant::now();
        let outcome = tool.run(&self.tools, arguments).await;
        let duration_ms = begin.elapsed().as_secs_f64() * 1_000.0;
        match &outcome {
            Ok(_) => tracing::info!(tool = tool.name, duration_ms, "MCP tool call completed"),
            Err(error) => {
                tracing::warn!(
                    tool = tool.name,
                    duration_ms,
                    kind = error.kind(),
                    error = error.logged(),
                    "MCP tool call failed"
                );
            }
        }
        outcome
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let tool = Tool::find(&request.name);
        let span = Span::of_request("tools/call", tool.as_ref().ok().map(|tool| tool.name), context);
        let arguments = request.arguments.unwrap_or_default();
        span.content("gen_ai.tool.call.arguments", &arguments);
        let work = async {
            match tool {
                Ok(tool) => self.run(tool, arguments).await,
                Err(error) => Err(error),
            }
        };
        let outcome = tokio::select! {
            outcome = work.with_context(span.context()) => outcome,
            () = context.ct.cancelled() => {
                span.finish(Outcome::Cancelled, &self.metrics);
                return Err(ErrorData::internal_error("cancelled", None));
            }
        };
        let (result, ending) = match &outcome {
            Ok(value) => {
                span.content("gen_ai.tool.call.result", value);
                (Ok(CallToolResult::structured(value.clone())), Outcome::Done)
            }
            Err(error) if error.is_protocol() => {
                (Err(ErrorData::invalid_params(error.told(), None)), Outcome::Refused(ErrorCode::INVALID_PARAMS.0))
            }
            Err(error) => (Ok(failed(error)), Outcome::Failed(error)),
        };
        span.finish(ending, &self.metrics);
        result
    }

    /// A request that is answered from memory.
    fn at_once<T>(
        &self,
        method: &'static str,
        context: &RequestContext<RoleServer>,
        answer: impl FnOnce() -> Result<T, ErrorData>,
    ) -> Result<T, ErrorData> {
        let span = Span::of_request(method, None, context);
        let answer = answer();
        let outcome = answer.as_ref().err().map_or(Outcome::Done, |error| Outcome::Refused(error.code.0));
        span.finish(outcome, &self.metrics);
        answer
    }
}

/// A result with `isError`: the sentence for the model, the rest for programs.
pub(crate) fn failed(error: &Error) -> CallToolResult {
    let mut result = CallToolResult::structured_error(error.document());
    result.content = vec![rmcp::model::ContentBlock::text(error.told())];
    result
}

/// All tools as clients see them.
pub(crate) fn cards() -> Vec<Card> {
    TOOLS.iter().map(Tool::card).collect()
}

/// What this server says about itself.
pub(crate) fn info() -> ServerConfig {
    let implementation = Implementation::new(SERVICE.name, SERVICE.version);
    InitializeResult::new(ServerCapabilities::builder().enable_tools().build())
        .with_server_info(implementation)
        .with_instructions(INSTRUCTIONS)
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        info()
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        self.at_once("initialize", &context, || self.negotiate_initialize(&request))
    }

    async fn discover(&self, context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        self.at_once("server/discover", &context, || {
            Ok(DiscoverResult::from_server_info(self.supported_protocol_versions().into_owned(), info()))
        })
    }

    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.at_once("ping", &context, || Ok(()))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.at_once("tools/list", &context, || {
            // There is one page only, so no cursor was ever given out.
            if request.and_then(|request| request.cursor).is_some() {
                return Err(ErrorData::invalid_params("unknown cursor", None));
            }
            Ok(ListToolsResult::with_all_items(cards()).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Public))
        })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.call(request, &context).await.map(CallToolResponse::from)
    }

    fn get_tool(&self, name: &str) -> Option<Card> {
        Tool::find(name).ok().map(Tool::card)
    }
}
