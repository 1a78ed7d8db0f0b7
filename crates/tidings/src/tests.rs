//! The command line as a whole.

use clap::CommandFactory;

use super::Cli;

/// Every command with its path.
fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    let path = format!("{path} {}", command.get_name());
    for inner in command.get_subcommands() {
        all(inner, &path, found);
    }
    found.push((path, command.clone()));
}

fn commands() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    all(&Cli::command(), "", &mut found);
    found
}

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
    assert!(commands().len() > 40, "{}", commands().len());
}

#[test]
fn no_option_shows_two_defaults() {
    for (path, command) in commands() {
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string);
            let said = help.is_some_and(|help| help.contains("[default"));
            let shown = argument.get_action().takes_values()
                && !argument.get_default_values().is_empty()
                && !argument.is_hide_default_value_set();
            assert!(!(said && shown), "{path} {}", argument.get_id());
        }
    }
}
