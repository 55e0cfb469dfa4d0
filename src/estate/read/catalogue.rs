//! The catalogue: what is compiled in, and the files that the estate adds to it.

use super::text::text_of;
use super::value::{Table, Value};
use crate::catalogue::Catalogue;
use crate::domain::printable;

const PAGE: &str = "docs/catalogue.md describes such files";

/// The compiled-in catalogue with the files of the key `catalogue`, in their order.
pub(super) fn catalogue(whole: &Table<'_>) -> Catalogue {
    let mut catalogue = Catalogue::built_in().unwrap_or_else(|problem| {
        whole.file.complain(
            0,
            format!("the compiled-in catalogue is broken: {problem}"),
            "report this defect",
        );
        Catalogue::default()
    });
    let files = whole.get("catalogue").and_then(|value| value.list()).unwrap_or_default();
    for file in &files {
        if let Some(more) = with(&catalogue, file) {
            catalogue = more;
        }
    }
    catalogue
}

/// The catalogue with one more file, or a complaint where the file is named.
fn with(catalogue: &Catalogue, file: &Value<'_>) -> Option<Catalogue> {
    let path = file.path()?;
    let name = printable(path.as_os_str().as_encoded_bytes());
    let read = text_of(&path, "the catalogue file", |_| Ok(()))
        .and_then(|text| catalogue.clone().with_file(&text, &name));
    match read {
        Ok(more) => Some(more),
        Err(problem) => {
            file.complain(
                format!("names a file that cannot be used: {problem}"),
                format!("correct it; {PAGE}"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::Catalogue;
    use crate::estate::Estate;
    use crate::hand::{TempDir, fs};

    const KIND: &str =
        "[[kind]]\nname = 'acme.copy'\ntitle = 'copy'\nlist = 'l'\nway_out = 'w'\nsmallest = 's'\n";

    #[test]
    fn files_are_read_beside_the_estate_and_later_ones_replace_kinds_of_earlier_ones() {
        let directory = TempDir::new();
        let path = directory.path().join("outlive.toml");
        fs::write(directory.path().join("a.toml"), KIND).unwrap();
        fs::write(directory.path().join("b.toml"), KIND.replace("'copy'", "'ours'")).unwrap();
        fs::write(&path, "catalogue = ['a.toml', 'b.toml']\n").unwrap();
        let catalogue = Estate::read(&path).unwrap().catalogue;
        assert_eq!(catalogue.kind("acme.copy").unwrap().title, "ours");
        assert!(catalogue.kind("railway.volume-backup").is_some());
        fs::write(&path, "").unwrap();
        assert_eq!(Estate::read(&path).unwrap().catalogue, Catalogue::built_in().unwrap());
    }

    #[test]
    fn a_file_that_is_wrong_or_not_there_is_told_where_it_is_named_and_where_it_is_wrong() {
        let directory = TempDir::new();
        let path = directory.path().join("outlive.toml");
        fs::write(directory.path().join("a.toml"), format!("{KIND}colour = 'red'\n")).unwrap();
        for (name, told) in
            [("a.toml", "a.toml:7: unknown field"), ("b.toml", "b.toml: reading"), (".", "no regular")]
        {
            fs::write(&path, format!("\ncatalogue = ['{name}']\n")).unwrap();
            let problem = Estate::read(&path).unwrap_err();
            assert!(problem.place.ends_with("outlive.toml:2:14"), "{problem}");
            assert!(problem.what.contains(told), "{problem}");
        }
    }
}
