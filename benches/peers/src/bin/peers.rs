//! The timed benchmarks: `peers one`, `peers suite`, `peers table`.

use peers::cli::{self, Binary};
use std::process::ExitCode;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(Binary::Timed)
}
