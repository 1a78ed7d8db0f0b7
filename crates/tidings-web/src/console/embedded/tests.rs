//! The lists of files hold every file.

use std::path::Path;

use super::{ASSETS, TEMPLATES};

fn listed(files: &[(&str, &[u8])]) -> Vec<String> {
    files.iter().map(|(name, _)| (*name).to_owned()).collect()
}

fn found(folder: &str) -> Vec<String> {
    fn walk(folder: &Path, under: &str, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{under}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{name}/"), names);
            } else if !name.ends_with("LICENSE") {
                names.push(name);
            }
        }
    }
    let mut names = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/console")
            .join(folder),
        "",
        &mut names,
    );
    names.sort();
    names
}

#[test]
fn every_file_of_the_folders_is_listed_in_order() {
    assert_eq!(listed(ASSETS), found("assets"));
    assert_eq!(listed(TEMPLATES), found("templates"));
}
