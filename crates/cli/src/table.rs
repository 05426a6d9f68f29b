//! Tables in plain text.
use crate::output::{Look, Out};
use crate::text;

/// Characters of a cell before it is cut.
const CELL_CHARS_MAX: usize = 60;

/// Rows under headings; columns are as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<H: Into<String>>(headings: impl IntoIterator<Item = H>) -> Self {
        Table {
            headings: headings.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells = cells
            .into_iter()
            .map(|cell| text::short(&cell.into().replace(['\n', '\t'], " "), CELL_CHARS_MAX));
        self.rows.push(cells.collect());
    }

    pub(crate) fn print(&self, out: &Out) {
        let lines = self.lines();
        for (number, line) in lines.iter().enumerate() {
            out.line(if number == 0 {
                out.look(Look::Dim, line)
            } else {
                line.clone()
            });
        }
    }

    fn lines(&self) -> Vec<String> {
        let width = |column: usize| {
            self.rows
                .iter()
                .chain([&self.headings])
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        [&self.headings]
            .into_iter()
            .chain(&self.rows)
            .map(|row| {
                let mut line = String::new();
                for (cell, width) in row.iter().zip(&widths) {
                    let gap = width - cell.chars().count() + 2;
                    line.push_str(cell);
                    line.extend(std::iter::repeat_n(' ', gap));
                }
                line.trim_end().to_owned()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["id", "name"]);
        table.row(["1", "Zürich"]);
        table.row(["long", "x"]);
        assert_eq!(table.lines(), ["id    name", "1     Zürich", "long  x"]);
    }
}
