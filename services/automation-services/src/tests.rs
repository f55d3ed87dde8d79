//! The whole service in this process, against a gateway and an orchestrator of the tests' own, with a clock that is moved by hand.

mod api;
mod crash;
mod fakes;
mod files;
mod harness;
mod run;
mod trace;
