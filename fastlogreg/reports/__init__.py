"""The report of a model: one page of HTML that needs nothing beside itself.

content     what a report is made of; whoever knows the data and the fit fills it in
measures    metrics with intervals, curves thinned to what can be seen
moments     mean and spread of each feature
markup      HTML and SVG whose texts cannot become markup
charts      line charts and intervals as SVG
pictures    images as PNG in the page
style       colours of day and night, and the layout of a narrow and a wide page
origin      versions, commit and digests, to reproduce it
figures, sections, page    the figures, the parts of the page, and all of it
"""
