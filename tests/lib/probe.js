// How a page came out, as JSON in an element `probe`. Nothing in it depends on which fonts there are, or on time.
(function () {
	function box(element) {
		return element.getBoundingClientRect();
	}
	function overlaps(a, b) {
		return a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1;
	}
	var root = document.documentElement, width = window.innerWidth;
	var texts = Array.from(document.querySelectorAll('.chart text'));
	var outside = texts.filter(function (text) {
		return box(text).left < 0 || box(text).right > width;
	});
	var covered = [];
	document.querySelectorAll('.chart').forEach(function (chart) {
		var inside = Array.from(chart.querySelectorAll('text'));
		inside.forEach(function (one, i) {
			inside.slice(i + 1).forEach(function (other) {
				if (overlaps(box(one), box(other)))
					covered.push(one.textContent + ' and ' + other.textContent);
			});
		});
	});
	var result = {
		width: width,
		scroll: root.scrollWidth,
		height: root.scrollHeight,
		outside: outside.map(function (text) { return text.textContent; }),
		covered: covered,
		charts: Array.from(document.querySelectorAll('.chart')).map(function (chart) { return Math.round(box(chart).width); }),
		sizes: Array.from(new Set(texts.map(function (text) { return getComputedStyle(text).fontSize; }))),
		paper: getComputedStyle(root).backgroundColor,
		ink: getComputedStyle(root).color,
		bars: Array.from(document.querySelectorAll('.chart rect, .chart path')).filter(function (bar) {
			return box(bar).width > 0;
		}).length
	};
	var out = document.createElement('pre');
	out.id = 'probe';
	out.textContent = JSON.stringify(result);
	document.body.appendChild(out);
})();
