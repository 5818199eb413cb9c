//! Tables of text: columns as wide as their widest cell, as a terminal shows it.

use unicode_width::UnicodeWidthStr;

/// Rows under their headings.
pub fn table<H: AsRef<str>>(headings: &[H], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        let heading = headings.get(column).map(|heading| heading.as_ref().width());
        cells.chain(heading).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = widths
            .iter()
            .zip(cells)
            .map(|(width, cell)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut headings.iter().map(AsRef::as_ref))];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["orders".to_owned(), "yes".to_owned()],
            vec!["a".to_owned(), String::new()],
        ];
        assert_eq!(table(&["NAME", "VALID"], &rows), "NAME    VALID\norders  yes\na");
        assert_eq!(table(&["名前", "有効"], &rows), "名前    有効\norders  yes\na");
    }
}
