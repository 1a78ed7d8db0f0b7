//! The tidings binary: CLI, configuration, wiring and lifecycle.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks on standard output"
)]

mod capture;
mod client;
mod clock;
mod commands;
mod config;
mod demo;
mod descriptors;
mod keys;
mod listen;
mod memory;
mod output;
mod serve;
mod signals;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Webhooks for project trackers: one change in, every receiver's own format out, signed, in order, logged.
#[derive(Parser)]
#[command(name = "tidings", version, max_term_width = 110, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 it failed (the message says why); 2 wrong usage; 3 the server refused; \
                          4 the server cannot be reached; 5 a signature or delivery did not verify.";

#[derive(Subcommand)]
enum Command {
    /// See everything work in one process: a server, a receiver for each dialect, a scripted sprint
    Demo(demo::Demo),
    /// Run the server
    Serve(serve::Serve),
    /// Receive webhooks here: print and verify each request
    Listen(listen::Listen),
    /// Send a sample event of a dialect to a URL, as Tidings would
    Trigger(commands::trigger::Trigger),
    /// Check the signature of a captured request
    Verify(commands::verify::Verify),
    /// Print the sample of an event, or list the events of a dialect
    Sample(commands::sample::Sample),
    /// Projects: list, create, show, edit, delete
    Project(commands::project::Project),
    /// Webhooks: list, create, show, edit, delete, apply, test, enable, disable, pause, resume, recover, resend, rotate
    Webhook(commands::webhook::Webhook),
    /// The sent log: list, show, resend
    Delivery(commands::delivery::Delivery),
    /// Why an event reached a webhook, or did not
    Explain(commands::explain::Explain),
    /// Accounts of people: list, create, show, edit, invite, link, unlink, delete, sign-in-link
    Account(commands::account::Account),
    /// Tokens: list, create, revoke
    Token(commands::token::Token),
    /// Copy the database while the server runs
    Backup(commands::backup::Backup),
    /// The key of the secrets: rotate
    Secrets(commands::secrets::Secrets),
    /// Say what is right and wrong with configuration, database, key and machine
    Doctor(commands::doctor::Doctor),
    /// Print the OpenAPI document of the REST API
    Openapi,
    /// Configuration: show, check, reference
    Config(commands::config::ConfigCommand),
    /// Print the completions of a shell
    Completion(commands::completion::Completion),
}

/// What went wrong, with the exit code that says so to programs.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The server answered with a problem document.
    #[error("{0}")]
    Refused(String),
    /// No answer.
    #[error("{0}")]
    Unreachable(String),
    /// The command line is wrong in a way that clap cannot see.
    #[error("{0}")]
    Usage(String),
    /// A signature did not verify.
    #[error("{0}")]
    Unverified(String),
}

fn main() -> ExitCode {
    memory::use_small_pages();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tidings: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(cli.command));
    // Name look-ups that hang must not keep the process alive.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A log that cannot be written must not turn a refusal into a panic.
            writeln!(std::io::stderr(), "tidings: {}", said(&error)).ok();
            match error.downcast_ref::<Failure>() {
                Some(Failure::Usage(_)) => ExitCode::from(2),
                Some(Failure::Refused(_)) => ExitCode::from(3),
                Some(Failure::Unreachable(_)) => ExitCode::from(4),
                Some(Failure::Unverified(_)) => ExitCode::from(5),
                None => ExitCode::FAILURE,
            }
        }
    }
}

/// An error with its causes, each said once: many errors repeat their cause in their own words.
fn said(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        let cause = cause.trim_end();
        if text.is_empty() {
            text.push_str(cause);
        } else if !text.contains(cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Listen(listen) => listen.run().await,
        Command::Trigger(trigger) => trigger.run().await,
        Command::Verify(verify) => verify.run(),
        Command::Sample(sample) => sample.run(),
        Command::Project(project) => project.run().await,
        Command::Webhook(webhook) => webhook.run().await,
        Command::Delivery(delivery) => delivery.run().await,
        Command::Explain(explain) => explain.run().await,
        Command::Account(account) => account.run().await,
        Command::Token(token) => token.run().await,
        Command::Backup(backup) => backup.run(),
        Command::Secrets(secrets) => secrets.run(),
        Command::Doctor(doctor) => doctor.run().await,
        Command::Openapi => {
            commands::openapi::run();
            Ok(())
        }
        Command::Config(config) => config.run(),
        Command::Completion(completion) => {
            completion.run(&mut Cli::command());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
