"""Compares the page of a run with the record that it was made of: page.py PAGE RECORD [CHECK ...]

The record is read here on its own. Whatever is on the page twice - among the figures, in a table, as the sum of a table - must
be what the record says. Each CHECK is a Python expression that must be true, of

    page    the tree (xml.etree), figure(id) the exact value of a figure, text(id) the text of an element,
    rows(id) the rows of a table, column(id, number) the exact values of a column
    record  the sums of the record
"""

import re
import sys
import xml.etree.ElementTree as tree
import zlib

HTML = '{http://www.w3.org/1999/xhtml}'
SVG = '{http://www.w3.org/2000/svg}'


def decode(field):
    return '' if field == '%' else re.sub('%(..)', lambda code: chr(int(code[1], 16)), field)


def read(path):
    """The sums of a record, by its own lines."""
    sums = dict.fromkeys(('made', 'made_bytes', 'adopted', 'adopted_bytes', 'stored', 'stored_bytes', 'failed', 'waited', 'waits',
                          'moving', 'damaged', 'unknown_bytes', 'peak', 'peak_bytes'), 0)
    times, waits, attempt = [], None, None
    known = set()
    stock = stock_bytes = 0
    for line in open(path, encoding='ascii', errors='replace'):
        check, _, text = line.rstrip('\n').partition(' ')
        if check != f'{zlib.crc32(text.encode()):08x}':
            sums['damaged'] += 1
            continue
        word, *fields = (decode(field) for field in text.split(' '))
        if word == 'stagedir-run':
            continue
        time = int(fields[0])
        times.append(time)
        if word in ('made', 'adopted'):
            size = int(fields[-1])
            known.add(fields[-2])
            sums[word] += 1
            sums[word + '_bytes'] += size
            stock, stock_bytes = stock + 1, stock_bytes + size
            sums['peak'], sums['peak_bytes'] = max(sums['peak'], stock), max(sums['peak_bytes'], stock_bytes)
        elif word == 'upload':
            attempt = time
        elif word == 'failed':
            sums['failed'] += 1
            sums['moving'] += time - (attempt or time)
            attempt = None
        elif word == 'confirmed':
            size = int(fields[2])
            sums['stored'] += 1
            sums['unknown_bytes'] += 0 if fields[1] in known else size
            sums['stored_bytes'] += size
            stock, stock_bytes = max(stock - 1, 0), max(stock_bytes - size, 0)
            sums['moving'] += time - (attempt or time)
            attempt = None
        elif word == 'waits':
            sums['waits'] += 1
            waits = time
        elif word in ('goes-on', 'ended') and waits:
            sums['waited'] += time - waits
            waits = None
    sums['begin'], sums['end'] = times[0], max(times)
    if waits:
        sums['waited'] += sums['end'] - waits
    if attempt:
        sums['moving'] += sums['end'] - attempt
    return sums


page = tree.parse(sys.argv[1]).getroot()
record = read(sys.argv[2])
by_id = {element.get('id'): element for element in page.iter() if element.get('id')}
ids = [element.get('id') for element in page.iter() if element.get('id')]


def figure(name):
    return int(by_id[name].get('value'))


def text(name):
    return ''.join(by_id[name].itertext())


def rows(name, part='tbody'):
    return by_id[name].findall(f'{HTML}{part}/{HTML}tr') if name in by_id else []


def column(name, number, part='tbody'):
    return [int(row[number].find(f'{HTML}data').get('value')) for row in rows(name, part)]


def same(what, here, there):
    if here != there:
        sys.exit(f'{sys.argv[1]}: {what}: {here} on the page, {there} in the record')


def adds_up(name, number, value):
    same(f'column {number} of the table {name}', sum(column(name, number)), value)
    same(f'the sum of column {number} of the table {name}', column(name, number, 'tfoot'), [value])


def check_figures():
    for name, key in (('made-files', 'made'), ('made-bytes', 'made_bytes'), ('stored-files', 'stored'), ('stored-bytes', 'stored_bytes'),
                      ('retries', 'failed'), ('waited', 'waited'), ('peak-files', 'peak'), ('peak-bytes', 'peak_bytes')):
        same(name, figure(name), record[key])
    same('took', figure('took'), record['end'] - record['begin'])
    waiting = max(0, record['made'] + record['adopted'] - record['stored'])
    same('still waits', figure('waiting-files') if 'waiting-files' in by_id else 0, waiting)


def check_tables():
    # of a record that is damaged: files of which only the end is told
    adds_up('files', 2, record['made_bytes'] + record['adopted_bytes'] + record['unknown_bytes'])
    adds_up('files', 6, record['moving'])
    adds_up('files', 7, record['failed'])
    adds_up('files', 8, record['stored_bytes'])
    if record['failed']:
        adds_up('failures', 1, record['failed'])
    if record['waits']:
        adds_up('waits', 1, record['waits'])
        adds_up('waits', 2, record['waited'])
    this = [row for row in rows('runs') if row.get('aria-current')]
    same('rows of this run', len(this), 1)
    for number, value in ((4, record['stored_bytes']), (5, record['waited']), (6, record['failed'])):
        same(f'column {number} of the last runs', int(this[0][number].find(f'{HTML}data').get('value')), value)


def check_form():
    """What a screen reader relies on, and what a page without scripts has not."""
    tags = [element.tag.partition('}')[2] for element in page.iter()]
    for tag in ('script', 'img', 'link', 'iframe', 'object', 'a'):
        same(f'elements {tag}', tags.count(tag), 0)
    same('attributes that run a script', [key for element in page.iter() for key in element.keys() if key.startswith('on')], [])
    same('identifiers that are there twice', sorted(name for name in set(ids) if ids.count(name) > 1), [])
    same('the language', page.get('lang'), 'en')
    levels = [int(tag[1]) for tag in tags if re.fullmatch('h[1-6]', tag)]
    same('headings that leave out a level', [b for a, b in zip([0] + levels, levels) if b > a + 1], [])
    for table in page.iter(f'{HTML}table'):
        heads = table.findall(f'{HTML}thead/{HTML}tr/{HTML}th')
        same('columns without a scope', [head.text for head in heads if head.get('scope') != 'col'], [])
        for row in table.iter(f'{HTML}tr'):
            same('cells of a row', sum(int(cell.get('colspan', 1)) for cell in row), len(heads))
    for picture in page.iter(f'{SVG}svg'):
        if picture.get('class') == 'chart':
            named = [by_id[name].text for name in picture.get('aria-labelledby').split()]
            same('pictures without a title', picture.get('role') == 'img' and all(named), True)


check_figures()
check_tables()
check_form()
for check in sys.argv[3:]:
    if not eval(check):
        sys.exit(f'{sys.argv[1]}: not true: {check}')
