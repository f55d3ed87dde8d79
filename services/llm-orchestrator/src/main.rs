//! The binary of llm-orchestrator: see the library.

fn main() -> anyhow::Result<()> {
    Ok(service_kit::run(llm_orchestrator::SERVICE, llm_orchestrator::app)?)
}
