# Runs one cell after another in one interpreter. Requests are lines of JSON on stdin; the answer to each follows what the
# cell printed on stdout, led by a mark that only the host knows, and the mark alone follows what it printed on stderr.
def _computesdk_driver():
    import ast, base64, io, json, linecache, os, signal, sys, traceback

    mark = b'\0' + os.environ.pop('COMPUTESDK_MARK').encode()
    requests = os.fdopen(os.dup(0), 'rb')
    # Nobody types into a cell: input() sees the end of a file.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    space = sys.modules['__main__'].__dict__
    running = [False]

    def interrupt(signum, frame):
        # One that comes after the cell's end is too late.
        if running[0]:
            running[0] = False
            raise KeyboardInterrupt

    def put(fd, data):
        while data:
            data = data[os.write(fd, data):]

    def flush():
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass

    def form(value, name):
        method = getattr(type(value), name, None)
        try:
            return method(value) if callable(method) else None
        except Exception:
            return None

    def rich(value):
        forms = {'text': repr(value)}
        html, png = form(value, '_repr_html_'), form(value, '_repr_png_')
        if isinstance(html, str):
            forms['html'] = html
        if isinstance(png, bytes):
            forms['png'] = base64.b64encode(png).decode()
        return forms

    def figure():
        plt = sys.modules.get('matplotlib.pyplot')
        if plt is None or not plt.get_fignums():
            return None
        image = io.BytesIO()
        plt.gcf().savefig(image, format='png')
        plt.close('all')
        return base64.b64encode(image.getvalue()).decode()

    def compiled(code, name):
        tree = ast.parse(code, name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = compile(ast.Expression(tree.body.pop().value), name, 'eval', dont_inherit=True)
        return compile(tree, name, 'exec', dont_inherit=True), last

    def execute(body, last):
        exec(body, space)
        value = eval(last, space) if last is not None else None
        shown = None
        if value is not None:
            space['_'] = value
            shown = rich(value)
        png = figure()
        if png is not None:
            shown = shown or {'text': ''}
            shown['png'] = png
        return {'exitCode': 0, 'value': shown}

    def failed(error):
        if isinstance(error, SystemExit):
            if error.code is None or isinstance(error.code, int):
                return (error.code or 0) & 255
            print(error.code, file=sys.stderr)
            return 1
        told = traceback.TracebackException(type(error), error, error.__traceback__)
        # Without the frames of this driver.
        told.stack = traceback.StackSummary.from_list(
            [frame for frame in told.stack if frame.filename != '<string>'])
        print(''.join(told.format()), end='', file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 1

    def run(code, name):
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        try:
            body, last = compiled(code, name)
        except (SyntaxError, ValueError) as error:
            return {'syntax': traceback.format_exception_only(type(error), error)[-1].strip()}
        try:
            running[0] = True
            return execute(body, last)
        except BaseException as error:
            running[0] = False
            return {'exitCode': failed(error)}
        finally:
            running[0] = False

    signal.signal(signal.SIGINT, interrupt)
    for number, line in enumerate(requests, 1):
        answer = run(json.loads(line), '<cell %d>' % number)
        flush()
        put(1, mark + json.dumps(answer).encode() + b'\n')
        put(2, mark + b'\n')
    os._exit(0)


_computesdk_driver()
