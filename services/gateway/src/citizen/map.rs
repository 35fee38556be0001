//! A map of points as one picture: drawn on the server, with tiles behind it when there is a server of tiles.
//!
//! Web Mercator, as tiles use it: at zoom `z` the earth is 256 · 2^z pixels wide.

use std::f64::consts::PI;

use tuntas_proto::intake::v1::PublicPoint;

/// Size of the picture, in its own units (pixels of a tile).
pub const WIDTH: f64 = 768.0;
/// See [`WIDTH`].
pub const HEIGHT: f64 = 480.0;
const TILE: f64 = 256.0;
/// Room around the outermost points.
const MARGIN: f64 = 32.0;
const ZOOM_MIN: u8 = 3;
/// About as fine as the points are.
const ZOOM_MAX: u8 = 14;
/// Where Mercator ends.
const LATITUDE_MAX: f64 = 85.0;

/// A map.
#[derive(Debug, Default, PartialEq)]
pub struct Map {
    /// Tiles behind the points.
    pub tiles: Vec<Tile>,
    /// Points, those that are shown together as one.
    pub marks: Vec<Mark>,
}

/// One tile.
#[derive(Debug, PartialEq)]
pub struct Tile {
    /// Its address.
    pub address: String,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
}

/// One mark: one report, or several in one place.
#[derive(Debug, PartialEq)]
pub struct Mark {
    /// Middle.
    pub x: f64,
    /// See `x`.
    pub y: f64,
    /// Radius.
    pub radius: f64,
    /// Reports there.
    pub count: usize,
    /// Ticket of the first.
    pub ticket: String,
    /// Title of the first.
    pub title: String,
    /// All of them are closed.
    pub done: bool,
}

impl Map {
    /// Draws points; none without points.
    #[must_use]
    pub fn of(points: &[PublicPoint], tile_url: Option<&str>) -> Option<Self> {
        let places: Vec<(f64, f64)> = points
            .iter()
            .map(|point| world(point.latitude, point.longitude))
            .collect();
        let (first, rest) = places.split_first()?;
        let start = (*first, *first);
        let (low, high) = rest.iter().fold(start, |(low, high), (x, y)| {
            ((low.0.min(*x), low.1.min(*y)), (high.0.max(*x), high.1.max(*y)))
        });
        let zoom = zoom(high.0 - low.0, high.1 - low.1);
        let scale = TILE * f64::from(1_u32 << zoom);
        let left = (low.0 + high.0) / 2.0 * scale - WIDTH / 2.0;
        let top = (low.1 + high.1) / 2.0 * scale - HEIGHT / 2.0;
        let mut marks: Vec<Mark> = Vec::new();
        for (point, (x, y)) in points.iter().zip(&places) {
            place(&mut marks, point, tenths(x * scale - left), tenths(y * scale - top));
        }
        let tiles = tile_url.filter(|url| !url.is_empty());
        Some(Self {
            tiles: tiles.map(|url| tiles_of(url, zoom, left, top)).unwrap_or_default(),
            marks,
        })
    }
}

/// A place in the unit square of the earth, from its upper left.
fn world(latitude: f64, longitude: f64) -> (f64, f64) {
    let latitude = latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX).to_radians();
    let y = (1.0 - latitude.tan().asinh() / PI) / 2.0;
    ((longitude + 180.0) / 360.0, y)
}

/// The largest zoom at which a stretch of the unit square fits the picture.
fn zoom(width: f64, height: f64) -> u8 {
    (ZOOM_MIN..=ZOOM_MAX)
        .rev()
        .find(|zoom| {
            let scale = TILE * f64::from(1_u32 << zoom);
            width * scale <= WIDTH - 2.0 * MARGIN && height * scale <= HEIGHT - 2.0 * MARGIN
        })
        .unwrap_or(ZOOM_MIN)
}

/// Adds a report to the mark that is in its way, or makes one of its own.
fn place(marks: &mut Vec<Mark>, point: &PublicPoint, x: f64, y: f64) {
    const APART: f64 = 12.0;
    const CLOSED: i32 = 8;
    let done = point.state == CLOSED;
    if let Some(mark) = marks.iter_mut().find(|mark| (mark.x - x).hypot(mark.y - y) < APART) {
        mark.count += 1;
        mark.done &= done;
        mark.radius = radius(mark.count);
        return;
    }
    marks.push(Mark {
        x,
        y,
        radius: radius(1),
        count: 1,
        ticket: point.ticket.clone(),
        title: point.title.clone(),
        done,
    });
}

fn radius(count: usize) -> f64 {
    const ONE: f64 = 7.0;
    const MOST: f64 = 24.0;
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    tenths((ONE + 2.5 * (count - 1.0).sqrt()).min(MOST))
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[expect(clippy::cast_possible_truncation, reason = "numbers of tiles, below 2^14")]
fn tiles_of(url: &str, zoom: u8, left: f64, top: f64) -> Vec<Tile> {
    let last = (1_i64 << zoom) - 1;
    let range = |from: f64, size: f64| ((from / TILE).floor() as i64, ((from + size) / TILE).floor() as i64);
    let ((x_from, x_to), (y_from, y_to)) = (range(left, WIDTH), range(top, HEIGHT));
    let mut tiles = Vec::new();
    for y in y_from.max(0)..=y_to.min(last) {
        for x in x_from.max(0)..=x_to.min(last) {
            let address = url
                .replace("{z}", &zoom.to_string())
                .replace("{x}", &x.to_string())
                .replace("{y}", &y.to_string());
            tiles.push(Tile {
                address,
                x: tenths(x as f64 * TILE - left),
                y: tenths(y as f64 * TILE - top),
            });
        }
    }
    tiles
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn point(latitude: f64, longitude: f64, state: i32) -> PublicPoint {
        PublicPoint {
            ticket: format!("TTS-{latitude}"),
            latitude,
            longitude,
            state,
            ..PublicPoint::default()
        }
    }

    #[test]
    fn all_points_are_in_the_picture_and_near_ones_are_one() {
        let points = [
            point(0.507, 101.448, 8),
            point(0.507, 101.448, 5),
            point(1.68, 101.45, 8),
        ];
        let map = Map::of(&points, None).unwrap();
        assert_eq!(map.marks.len(), 2);
        assert_eq!((map.marks[0].count, map.marks[0].done), (2, false));
        assert!(map.marks[0].radius > map.marks[1].radius);
        for mark in &map.marks {
            assert!(
                (0.0..=WIDTH).contains(&mark.x) && (0.0..=HEIGHT).contains(&mark.y),
                "{mark:?}"
            );
        }
        assert!(map.marks[1].y < map.marks[0].y, "north is up");
        assert!(map.tiles.is_empty());
        assert_eq!(Map::of(&[], None), None);
    }

    #[test]
    fn tiles_cover_the_picture() {
        let map = Map::of(&[point(0.5, 101.4, 1)], Some("https://t.example/{z}/{x}/{y}.png")).unwrap();
        assert_eq!((map.marks[0].x, map.marks[0].y), (WIDTH / 2.0, HEIGHT / 2.0));
        let right = map.tiles.iter().map(|tile| tile.x + TILE).fold(0.0, f64::max);
        let left = map.tiles.iter().map(|tile| tile.x).fold(WIDTH, f64::min);
        assert!(left <= 0.0 && right >= WIDTH);
        assert!(map.tiles[0].address.starts_with("https://t.example/14/"));
    }
}
