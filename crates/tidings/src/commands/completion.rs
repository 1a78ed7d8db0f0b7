//! `tidings completion`: what shells complete, printed for them to read.

use crate::output;

/// Print the completions of a shell, for its own file:
///
/// bash: tidings completion bash > ~/.local/share/bash-completion/completions/tidings
///
/// zsh: tidings completion zsh > a folder of $fpath, as _tidings
///
/// fish: tidings completion fish > ~/.config/fish/completions/tidings.fish
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completion {
    /// Which shell
    shell: clap_complete::Shell,
}

impl Completion {
    pub(crate) fn run(self, command: &mut clap::Command) {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, command, "tidings", &mut text);
        output::write(&String::from_utf8_lossy(&text));
    }
}
