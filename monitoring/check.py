"""Checks the compose file, the Dockerfile and the template of variables against the code; needs PyYAML, no container engine."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
PORTS = {"mcp-server": 8001, "airtable-gateway": 8002, "llm-orchestrator": 8003, "automation-services": 8006}
# Read by the containers' own script, or by prefix in the code.
KNOWN = {"TRAFFIC_PAUSE_SECONDS"}
faults = []


def check(good, text):
    """Notes a fault."""
    if not good:
        faults.append(text)


def sources(*folders):
    """All Rust text of the folders without tests."""
    files = [file for folder in folders for file in ROOT.glob(f"{folder}/**/*.rs") if "tests" not in file.name]
    return "\n".join(re.split(r"#\[cfg\(test\)\]\nmod tests \{", file.read_text())[0] for file in files)


compose = yaml.safe_load((ROOT / "monitoring/docker-compose.otel-test.yml").read_text())
dockerfile = (ROOT / "monitoring/docker/Dockerfile").read_text()
targets = set(re.findall(r"^FROM \S+ AS (\S+)", dockerfile, re.MULTILINE))
code = sources("crates/*/src", "services/*/src", "stand-ins/*/src")
template = (ROOT / ".env.otel.template").read_text()
documented = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", template, re.MULTILINE))
packages = {m[1] for file in ROOT.glob("*/*/Cargo.toml") for m in [re.search(r'^name = "(.+)"', file.read_text(), re.MULTILINE)] if m}

for name, service in compose["services"].items():
    build = service["build"]
    check(build["target"] in targets, f"{name}: the Dockerfile has no target {build['target']}")
    check((ROOT / "monitoring" / build["context"] / build["dockerfile"]).is_file(), f"{name}: no {build['dockerfile']}")
    for other in service.get("depends_on", {}):
        check(other in compose["services"], f"{name} depends on {other}, which is not there")
    for variable, value in service.get("environment", {}).items():
        for word in [variable, *re.findall(r"\$\{([A-Z_0-9]+)", str(value))]:
            check(word in documented | KNOWN, f"{name}: {word} is not in .env.otel.template")
        for host, port in re.findall(r"https?://([a-z-]+):(\d+)", str(value)):
            check(host in compose["services"], f"{name}: {variable} names {host}, which is not there")
            check(re.search(rf"EXPOSE.* {port}\b", dockerfile), f"{name}: nobody listens on {port}")
    for mount in service.get("volumes", []):
        check(mount.split(":")[0] in compose["volumes"], f"{name}: no volume {mount}")
    for port in service.get("ports", []):
        check(port.startswith("127.0.0.1:"), f"{name}: {port} is published to everyone")
    for flag in (part for part in service.get("command", []) if part.startswith("--")):
        check(flag[2:].replace("-", "_") in code, f"{name}: no option {flag}")
for name, port in PORTS.items():
    check(f"port: {port}" in (ROOT / f"services/{name}/src/lib.rs").read_text(), f"{name} does not listen on {port}")
    check(f"{name}:{port}" in str(compose["x-telemetry"]), f"others do not find {name}")
for package in set(re.findall(r"-p ([a-z-]+)", dockerfile)):
    check(package in packages, f"the Dockerfile builds {package}, which is not there")
for path in re.findall(r"(?:COPY|RUN) (monitoring/\S+)", dockerfile):
    check((ROOT / path).is_file(), f"the Dockerfile names {path}, which is not there")
for flag in re.findall(r'"--([a-z-]+)"', dockerfile):
    check(flag.replace("-", "_") in code, f"the Dockerfile names --{flag}, which is not there")

# Variables are built from parts in the code: OTEL_BSP_…, OTEL_EXPORTER_OTLP_{signal}_….
PARTS = re.compile(r"OTEL_(EXPORTER_OTLP|BSP|BLRP|TRACES_EXPORTER|METRICS_EXPORTER|LOGS_EXPORTER)|PERFORMANCE_THRESHOLD_")
for variable in sorted(documented):
    check(f'"{variable}"' in code or PARTS.match(variable), f"the template names {variable}, which nobody reads")
reading = re.compile(r'(?:env = |(?:environment|variables|environment\(\))\s*\.(?:text|secret|get|flag|within|seconds|base_url|number|ratio|word|'
                     r'address|millis|optional|first)(?:::<\w+>)?\(&?\[?|(?:seconds|model|peer|list)\((?:environment, )?)"([A-Z][A-Z0-9_]+)"')
for variable in sorted(set(reading.findall(code))):
    check(variable in documented, f"{variable} is read, but is not in the template")

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([str(ROOT / "monitoring/docker/skeleton.sh"), str(ROOT), folder], check=True)
    made = pathlib.Path(folder)
    for file in ROOT.glob("*/*/Cargo.toml"):
        source = made / file.relative_to(ROOT).parent / "src"
        if (file.parent / "src").is_dir():
            check((source / "lib.rs").is_file() or (source / "main.rs").is_file(), f"the skeleton has no {source}")
    if shutil.which("cargo"):
        command = ["cargo", "metadata", "--offline", "--locked", "--no-deps", "--format-version", "1"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        check(done.returncode == 0, f"cargo does not take the skeleton: {done.stderr[-300:]}")

for fault in faults:
    sys.stderr.write(f"{fault}\n")
sys.stdout.write(f"monitoring: {len(compose['services'])} containers, {len(documented)} variables, {len(faults)} faults\n")
sys.exit(bool(faults))
