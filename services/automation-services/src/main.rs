//! Files, their text, and workflows on demand or by cron.

fn main() -> anyhow::Result<()> {
    Ok(service_kit::run(automation_services::SERVICE, automation_services::build)?)
}
