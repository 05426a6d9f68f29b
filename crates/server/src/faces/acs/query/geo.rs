//! Places on the earth.
use tisync_json::Value;

/// A place: degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::faces::acs) struct Point {
    longitude: f64,
    latitude: f64,
}

impl Point {
    /// Reads `[longitude, latitude]`; numbers that came as texts are numbers.
    pub(in crate::faces::acs) fn of(value: &Value) -> Option<Self> {
        let [longitude, latitude] = value.as_array()? else {
            return None;
        };
        let number = |value: &Value| match value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        let point = Point {
            longitude: number(longitude)?,
            latitude: number(latitude)?,
        };
        let on_earth =
            (-180.0..=180.0).contains(&point.longitude) && (-90.0..=90.0).contains(&point.latitude);
        on_earth.then_some(point)
    }

    /// `[longitude, latitude]`
    pub(in crate::faces::acs) fn value(self) -> Option<Value> {
        Some(Value::Array(vec![
            Value::try_from(self.longitude).ok()?,
            Value::try_from(self.latitude).ok()?,
        ]))
    }

    /// The angle between two places, in radians.
    pub(super) fn distance(self, other: Point) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians() / 2.0;
        let along = (b - a) / 2.0;
        let half = along.sin().powi(2) + a.cos() * b.cos() * across.sin().powi(2);
        2.0 * half.sqrt().min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_sphere() {
        let point = |text: &str| Point::of(&Value::parse(text).unwrap()).unwrap();
        let (berlin, paris) = (point("[13.4050, 52.5200]"), point("[\"2.3522\", 48.8566]"));
        let km = berlin.distance(paris) * 6371.0;
        assert!((877.0..879.0).contains(&km), "{km}");
        assert_eq!(berlin.distance(berlin), 0.0);
        let half = point("[0,0]").distance(point("[180,0]"));
        assert!((half - std::f64::consts::PI).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "[1]",
            "[1,2,3]",
            "[181,0]",
            "[0,-91]",
            "[\"x\",1]",
            "1",
            "[[1,2]]",
        ] {
            assert_eq!(Point::of(&Value::parse(text).unwrap()), None, "{text}");
        }
    }
}
