/*
 * style - how a page looks: on paper and on screens of any width, light and dark
 *
 * The colours differ in lightness as much as in hue, so that they can be told apart in grey, and by the colour-blind.
 */
#ifndef STAGEDIR_STYLE_H
#define STAGEDIR_STYLE_H

/* The content of the element style: CSS that is valid in XML, too. */
extern const char style_sheet[];

#endif
